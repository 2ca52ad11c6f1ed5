//: a 4
//: b 6
const Pool = require('pg').Pool;
exports.a = new Pool({ max: 4 });
const b = new (require('pg').native.Pool)({ max: 6 });
