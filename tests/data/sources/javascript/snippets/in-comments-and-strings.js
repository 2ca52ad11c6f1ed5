const { Pool } = require('pg');
// const pool = new Pool({ max: 99 });
/* new Pool() */
const text = "new Pool({ max: 98 })" + `new Pool({ max: 97 })`;
