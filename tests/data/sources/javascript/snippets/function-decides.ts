//: pool ? max comes from getEnvInt(...)
//: other ? max comes from this.config.get(...)
import { Pool } from 'pg';
const pool = new Pool({ max: getEnvInt('DB_POOL_MAX', 10) });
const other = new Pool({ max: this.config.get<number>('db.max') });
