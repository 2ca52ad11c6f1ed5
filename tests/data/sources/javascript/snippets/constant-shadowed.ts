//: pool ? max comes from MAX
import { Pool } from 'pg';
const MAX = 5;
export function make(MAX: number) {
  const pool = new Pool({ max: MAX });
  return pool;
}
