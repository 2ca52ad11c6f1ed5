//: pool 7 in function getPool
import { Pool } from 'pg';
let pool: Pool | undefined;
export function getPool(): Pool {
  pool ??= new Pool({ max: 7 });
  return pool;
}
