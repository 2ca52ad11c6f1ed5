//: pgPoolPrimary 20
//: - ? new PgPool( runs in a loop
async function connect(replicaUrls: string[]) {
  const { Pool: PgPool } = await import("pg");
  pgPoolPrimary = new PgPool({ connectionString, max: 20 });
  pgPoolsReplicas = replicaUrls.map((url: string) => {
    return new PgPool({ connectionString: url, max: 20 });
  });
}
