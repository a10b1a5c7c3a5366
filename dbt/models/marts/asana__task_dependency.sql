{#- A view: the rows are in int_asana__task_link, which is incremental. -#}
{{ config(materialized='view') }}
select
  task_id || '-' || linked_id as task_dependency_id,
  task_id,
  linked_id as depends_on_task_id,
  synced_at
from {{ ref('int_asana__task_link') }}
where link_type = 'dependency'
  and linked_id in (select task_id from {{ ref('stg_asana__task') }})
