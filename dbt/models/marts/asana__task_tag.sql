{#- A view where that will do: the rows are in int_asana__task_link, which is incremental. -#}
{{ config(materialized=asana_airbyte.view_or_table()) }}
select
  task_id || '-' || linked_id as task_tag_id,
  task_id,
  linked_id as tag_id,
  linked_name as tag_name,
  synced_at
from {{ ref('int_asana__task_link') }}
where link_type = 'tag'
  and {{ asana_airbyte.is_known('linked_id', 'stg_asana__tag', 'gid', ['tags']) }}
