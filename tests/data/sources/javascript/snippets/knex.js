//: db 2
//: other 10
//: url 10
//: none ? its pool.max can't be told from knex(...)
//: zero ? pool.max is 0, which is no size of a pool
const knex = require('knex');
const knexfile = require('./knexfile');
const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 1, max: 2 } });
const other = knex({ client: 'postgresql', connection: {} });
const mysql = knex({ client: 'mysql2', pool: { max: 9 } });
const url = knex(process.env.DATABASE_URL);
const none = knex(knexfile[process.env.NODE_ENV]);
const zero = knex({ client: 'pg', pool: { max: 0 } });
