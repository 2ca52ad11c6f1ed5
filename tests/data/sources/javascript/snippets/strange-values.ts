//: a ? max is -1, which is no size of a pool
//: b ? max is 2.5, which is no size of a pool
//: c 7
//: d ? max is 1000000, which is no size of a pool
//: e ? max can't be told
import { Pool } from 'pg';
const a = new Pool({ max: -1 }), b = new Pool({ max: 2.5 }), c = new Pool({ max: '7' }), d = new Pool({ max: 1e6 });
const e = new Pool({ max: a });
