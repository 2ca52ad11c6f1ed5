import { Client } from 'pg';

export async function listen() {
  const client = new Client();
  await client.connect();
}
