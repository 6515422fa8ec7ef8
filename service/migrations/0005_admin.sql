-- Answers of the Admin API by Idempotency-Key, so that a request that is sent again changes nothing a second time.
-- Written in the transaction of the change: there is a row exactly when there was a change. Kept for a day.
create table idempotency_keys (
  actor uuid not null,
  route text not null,
  key text not null check (char_length(key) between 1 and 255),
  request_sha256 text not null,
  status smallint not null,
  -- Null where the answer held a secret, which is shown once.
  body text,
  etag text,
  location text,
  created_at timestamptz not null default now(),
  primary key (actor, route, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);
