//: pool 15 in function getPool
import { Pool } from 'pg';
let pool: Pool | null = null;
export function getPool(): Pool {
  if (!pool) { pool = new Pool({ max: 15 }); }
  return pool;
}
