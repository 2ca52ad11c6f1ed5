const { Pool } = require('pg');
const readPool = new Pool();
