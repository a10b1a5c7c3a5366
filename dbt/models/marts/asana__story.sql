{#- Incremental: the largest table by far, of which few rows change. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  on_schema_change='sync_all_columns',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__story'), 'story_id', streams=['stories']) }}"
) }}
select *
from {{ ref('int_asana__story') }} as newest
where {{ asana_airbyte.is_missing('newest', 'story_id') }}
