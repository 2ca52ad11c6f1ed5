//: pool 10
//: adapter 6
import { PrismaClient } from '@prisma/client';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const a = new PrismaClient({ adapter: new PrismaPg(pool) });
const adapter = new PrismaPg({ connectionString, max: 6 });
class PrismaService extends PrismaClient { constructor() { super({ adapter }); } }
