{{ config(alias='story') }}
select
  story_gid as id,
  created_at,
  created_by_gid as created_by_id,
  task_gid as target_id,
  hearted,
  num_hearts,
  source,
  english_text as text,
  type,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__stories') }}
