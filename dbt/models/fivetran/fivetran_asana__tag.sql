{{ config(alias='tag') }}
select
  tag_id as id,
  color,
  created_at,
  name,
  {{ asana_airbyte.as_kind('null', 'text') }} as message,
  notes,
  workspace_id as workspace_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__tag') }}
