//: a 10
//: b 4
import { Pool } from 'pg';
const a = new Pool({ max: 0 }), b = new Pool({ max: 0, poolSize: 4 });
