//: pool 10
import pg from 'pg';
const { Pool } = pg;
const pool = new Pool({ connectionString: process.env.DATABASE_URL, idleTimeoutMillis: 60000 });
