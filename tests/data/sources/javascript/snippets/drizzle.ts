//: a 10
//: b 9
//: pool 5
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
const a = drizzle(process.env.DATABASE_URL!);
const b = drizzle({ connection: { connectionString: process.env.DATABASE_URL, max: 9 } });
const pool = new Pool({ max: 5 });
const c = drizzle(pool, { schema }), d = drizzle({ client: pool });
