import { Pool } from 'pg';
const url = 'postgres://booking:hunter2@db/booking';
export const readPool = new Pool({ max: 5 });
export const writePool = new Pool({ connectionString: url, max: Number(process.env.DB_POOL_MAX ?? 10) });
