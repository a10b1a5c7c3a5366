{#- A view in every warehouse, as its table is incremental and stays. -#}
{{ config(alias='story', materialized='view') }}
select
  story_id as id,
  created_at,
  created_by_id as created_by_id,
  task_id as target_id,
  hearted,
  num_hearts,
  source,
  english_text as text,
  type,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__story') }}
