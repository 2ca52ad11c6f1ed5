//: db ? its max can't be told from new Pool(dbConfig)
const { Pool } = require('pg');
let db = null, dbConfig;
if (process.env.K_SERVICE) {
  dbConfig = { host: `/cloudsql/${process.env.DB_HOST}`, max: 10 };
} else {
  dbConfig = { max: 10 };
}
db = new Pool(dbConfig);
