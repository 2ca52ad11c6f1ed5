-- A replayed provider webhook must not insert a payment twice.
-- kc: allow unique-with-nullable-column -- NULL until the provider has answered; such payments aren't replayed
CREATE UNIQUE INDEX payments_provider_payment_id_key ON payments (provider_payment_id);

PREPARE payment_of_webhook (text) AS
SELECT id, status, amount_minor, currency FROM payments WHERE provider_payment_id = $1;

-- A student's payments of one status, by time.
CREATE INDEX payments_student_id_status_created_at_idx ON payments (student_id, status, created_at);

PREPARE payments_of_student (uuid, text) AS
SELECT id, amount_minor, currency, created_at FROM payments
WHERE student_id = $1 AND status = $2 ORDER BY created_at;
