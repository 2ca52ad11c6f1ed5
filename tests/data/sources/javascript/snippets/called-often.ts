//: - ? new Pool( runs in function make, and nothing tells how often
import { Pool } from 'pg';
function make() { return new Pool({ max: 20 }); }
export const a = make();
export const b = make();
