//: pool ? max depends on a condition (10 or 20)
//: same 5
import { Pool as NeonPool } from '@neondatabase/serverless';
import { Pool as PgPool } from 'pg';
let pool;
if (isNeon) { pool = new NeonPool({ max: 10 }); } else { pool = new PgPool({ max: 20 }); }
const same = isNeon ? new NeonPool({ max: 5 }) : new PgPool({ max: 5 });
