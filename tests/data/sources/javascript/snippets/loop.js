//: pools ? new Pool( runs in a loop
//: - ? new Pool( runs in a loop
//: - ? new Pool( runs in a loop
const { Pool } = require('pg');
for (const url of urls) { pools[url] = new Pool({ max: 5 }); }
for (let i = 0; i < 4; i++) list.push(new Pool({ max: 5 }));
tenants.forEach((tenant) => register(new Pool({ max: 2 })));
