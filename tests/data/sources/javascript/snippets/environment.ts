//: a ? max comes from the environment variable DB_POOL_MAX (10 if unset)
//: b ? max comes from the environment variable X (10 if unset)
//: c ? max comes from the environment variable X
//: d ? max comes from the environment variable DB_MAX (20 if unset)
//: e ? max comes from the environment variable POOL_MAX (5 if unset)
//: f ? max comes from the environment variables A and B (4 if unset)
//: g ? max comes from the environment variable DB_POOL_MAX (15 if unset)
//: h ? max comes from the environment variable X (20 if unset)
import { Pool } from 'pg';
const { POOL_MAX = 5 } = process.env;
const a = new Pool({ max: Number(process.env.DB_POOL_MAX ?? 10) });
const b = new Pool({ max: parseInt(process.env.X || '10', 10) });
const c = new Pool({ max: +process.env.X! });
const d = new Pool({ max: parseInt(process.env['DB_MAX'], 10) || 20 });
const e = new Pool({ max: POOL_MAX });
const f = new Pool({ max: Number(process.env.A || process.env.B || 4) });
const g = new Pool({ max: process.env.DB_POOL_MAX ? parseInt(process.env.DB_POOL_MAX) : 15 });
const h = new Pool({ max: Number(process.env.X ?? 10) * 2 });
