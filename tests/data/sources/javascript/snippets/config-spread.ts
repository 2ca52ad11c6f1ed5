//: pool 12
//: other 12
//: maybe ? max depends on a condition (12)
import { Pool } from 'pg';
const base = { host: 'h', max: 3 };
const pool = new Pool({ ...base, max: 12 });
const other = new Pool({ max: 12, ...(isProduction ? { ssl: true } : {}), ...(debug && { log }) });
const maybe = new Pool({ ...(big && { max: 12 }) });
