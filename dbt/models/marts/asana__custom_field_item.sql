{#- What is chosen in fields that hold objects: options, people, and tasks or projects that are referred to. A
    task or project that is not there any more is left out. A view on what is incremental. -#}
{{ config(materialized='view') }}
{%- set columns = ['resource_type', 'resource_id', 'custom_field_id', 'custom_field_name', 'custom_field_type'] -%}
with items as (
  select {{ columns | join(', ') }}, item_id, item_name, item_type, synced_at
  from {{ ref('int_asana__custom_field_item') }}
  union all
  select
    {{ columns | join(', ') }},
    enum_option_id as item_id,
    enum_option_name as item_name,
    'enum_option' as item_type,
    synced_at
  from {{ ref('int_asana__custom_field_value') }}
  where enum_option_id is not null
)

select
  items.resource_id || '-' || items.custom_field_id || '-' || items.item_id as custom_field_item_id,
  items.resource_type,
  items.resource_id,
  items.custom_field_id,
  items.custom_field_name,
  items.custom_field_type,
  items.item_id,
  items.item_name,
  items.item_type,
  items.synced_at
from items
left join {{ ref('stg_asana__task') }} as tasks on tasks.task_id = items.item_id and items.item_type = 'task'
where coalesce(items.item_type, '') <> 'task' or tasks.task_id is not null
