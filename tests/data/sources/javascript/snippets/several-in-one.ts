//: read 5
//: write 6
//: pools 1
//: pools 2
import { Pool } from 'pg';
export const db = { read: new Pool({ max: 5 }), write: new Pool({ max: 6 }) };
const pools = [new Pool({ max: 1 }), new Pool({ max: 2 })];
