import { Pool } from 'pg';
const pool = new Pool({ max: 99 });
