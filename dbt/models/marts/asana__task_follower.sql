{#- Users who left the workspace are not listed; they stay here by name. A view: the rows are
    in int_asana__task_link, which is incremental. -#}
{{ config(materialized='view') }}
select
  task_id || '-' || linked_id as task_follower_id,
  task_id,
  linked_id as user_id,
  linked_name as user_name,
  synced_at
from {{ ref('int_asana__task_link') }}
where link_type = 'follower'
