//: pool 10
import { Pool } from 'pg';
const pool = new Pool();
