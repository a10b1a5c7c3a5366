{{ config(alias='task_follower') }}
select task_gid as task_id, user_gid as user_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__task_followers') }}
