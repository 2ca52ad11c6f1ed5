//: prisma driver
//: limited 4
import { PrismaClient } from '../generated/prisma/client';
export const prisma = globalForPrisma.prisma || new PrismaClient({ log: ['query'] });
const limited = new PrismaClient({ datasources: { db: { url: 'postgres://u:hunter2@h/d?connection_limit=4' } } });
