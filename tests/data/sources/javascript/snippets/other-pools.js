const { Pool } = require('undici');
const genericPool = require('generic-pool');
const mysql = require('mysql2/promise');
const { Pool: P } = require('./pg');
new Pool('http://localhost', { connections: 5 });
new P({ max: 5 });
mysql.createPool({ connectionLimit: 10 });
genericPool.createPool(factory, { max: 10 });
