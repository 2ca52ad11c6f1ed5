//: pool ? max comes from max
//: other ? max is changed after config is made
const { Pool } = require('pg');
let max = 5;
if (process.env.BIG) max = 50;
const pool = new Pool({ max });
const config = { max: 5 };
config.max = 50;
const other = new Pool(config);
