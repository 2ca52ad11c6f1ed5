//: client 1 one connection, not a pool
import { Client } from 'pg';
const client = new Client({ connectionString: 'postgres://u:hunter2@h/d' });
