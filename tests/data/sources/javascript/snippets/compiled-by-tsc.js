//: pool 8
//: other 9
"use strict";
const pg_1 = require("pg");
const pg_2 = __importDefault(require("pg"));
exports.pool = new pg_1.Pool({ max: 8 });
exports.other = new pg_2.default.Pool({ max: 9 });
