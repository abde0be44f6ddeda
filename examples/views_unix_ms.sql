-- Timestamps of conversations and messages as Unix milliseconds, as singer-io's tap and Airbyte emit them,
-- in DuckDB: docs/moving.md.
create schema if not exists dixa_epoch;

create or replace view dixa_epoch.conversation_export as
select * replace (
    epoch_ms(created_at) as created_at,
    epoch_ms(queued_at) as queued_at,
    epoch_ms(assigned_at) as assigned_at,
    epoch_ms(closed_at) as closed_at,
    epoch_ms(updated_at) as updated_at,
    epoch_ms(last_message_created_at) as last_message_created_at,
    epoch_ms(transfer_time) as transfer_time,
    epoch_ms(anonymized_at) as anonymized_at
)
from dixa.conversations;

create or replace view dixa_epoch.messages as
select * replace (epoch_ms(created_at) as created_at)
from dixa.messages;
