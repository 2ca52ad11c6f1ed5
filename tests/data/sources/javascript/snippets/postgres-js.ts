//: a 10
//: b 1
//: c 3
//: d 4
//: e ? its max can't be told from postgres(..., options)
import postgres from 'postgres';
import options from './options';
const a = postgres(process.env.DATABASE_URL!, { prepare: false });
const b = postgres(env.DATABASE_URL, { max: 1 });
const c = postgres('postgres://u:hunter2@h/d?max=3');
const d = postgres({ host: 'h', max: 4 });
const e = postgres('postgres://h/d', options);
