//: pool 20
const Pool = require('pg-pool')
const pool = new Pool({ database: 'postgres', max: 20, min: 4 })
