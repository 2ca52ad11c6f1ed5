//: pool ? new Pool( runs for every request
const { Pool } = require('pg');
app.get('/users', async (req, res) => { const pool = new Pool({ max: 5 }); });
