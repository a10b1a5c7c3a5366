{{ config(alias='task_tag') }}
select task_gid as task_id, tag_gid as tag_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__task_tags') }}
