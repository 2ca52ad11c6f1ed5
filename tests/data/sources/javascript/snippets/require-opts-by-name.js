//: pool 3
const pg = require('pg');
const opts = {
    max: 3,
    host: process.env["PGHOST"] || 'localhost',
};
const pool = new pg.Pool(opts);
module.exports = pool;
