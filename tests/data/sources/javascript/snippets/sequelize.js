//: a 5
//: b 7
//: c ? pool.max comes from the environment variable DB_MAX_POOL (20 if unset)
//: d 5
//: f ? replication opens a pool of 9 for each server; state them as pools
//: g ? its pool.max can't be told from new Sequelize(config.database, config.username, config.password, config)
const { Sequelize } = require('sequelize');
const a = new Sequelize(process.env.DATABASE_URL, { dialect: 'postgres', logging: false });
const b = new Sequelize('d', 'u', 'hunter2', { dialect: 'postgres', pool: { max: 7 } });
const c = new Sequelize('d', 'u', 'p', { dialect: 'postgres', pool: { max: parseInt(process.env.DB_MAX_POOL) || 20 } });
const d = new Sequelize('postgres://u:hunter2@h/d');
const e = new Sequelize('mysql://u:p@h/d'), e2 = new Sequelize('d', 'u', 'p', { dialect: 'mysql' });
const f = new Sequelize({ dialect: 'postgres', pool: { max: 9 }, replication: { read: [{}], write: {} } });
const g = new Sequelize(config.database, config.username, config.password, config);
