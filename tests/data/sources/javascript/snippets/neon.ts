//: pool 10
import { Pool, neonConfig } from '@neondatabase/serverless';
neonConfig.webSocketConstructor = ws;
export const pool = new Pool({ connectionString: process.env.DATABASE_URL });
