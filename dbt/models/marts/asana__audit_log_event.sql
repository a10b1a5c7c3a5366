{#- Incremental: a log only grows. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__audit_log_event'), 'audit_log_event_id', streams=['audit_log_events']) }}"
) }}
select *
from {{ asana_airbyte.missing_rows(ref('int_asana__audit_log_event'), 'audit_log_event_id') }} as newest
