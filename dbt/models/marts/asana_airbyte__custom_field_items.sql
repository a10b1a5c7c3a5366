{#- What is chosen in fields that hold objects: options, people, and tasks or projects that are referred to. -#}
with fields as (
  select
    resource_type,
    gid as resource_gid,
    {{ asana_airbyte.json_text('item', 'gid') }} as custom_field_gid,
    {{ asana_airbyte.json_text('item', 'name') }} as custom_field_name,
    coalesce(
      {{ asana_airbyte.json_text('item', 'resource_subtype') }},
      {{ asana_airbyte.json_text('item', 'type') }}
    ) as custom_field_type,
    {{ asana_airbyte.json_part('item', 'enum_value') }} as enum_value,
    {{ asana_airbyte.json_part('item', 'multi_enum_values') }} as multi_enum_values,
    {{ asana_airbyte.json_part('item', 'people_value') }} as people_value,
    {{ asana_airbyte.json_part('item', 'reference_value') }} as reference_value,
    synced_at
  from {{ ref('stg_asana_airbyte__custom_field_values') }}
),
{% set columns = [
  'resource_type', 'resource_gid', 'custom_field_gid', 'custom_field_name', 'custom_field_type', 'synced_at'
] %}
{%- for list in ['multi_enum_values', 'people_value', 'reference_value'] %}
{{ list }} as (
  {{- asana_airbyte.each_item('fields', list, columns) | indent(2) }}
),
{% endfor %}
items as (
  select * from multi_enum_values
  union all
  select * from people_value
  union all
  select * from reference_value
  union all
  select
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    enum_value as item
  from fields
),

chosen as (
  select distinct
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    {{ asana_airbyte.json_text('item', 'gid') }} as item_gid,
    {{ asana_airbyte.json_text('item', 'name') }} as item_name
  from items
)

select
  resource_gid || '-' || custom_field_gid || '-' || item_gid as custom_field_item_key,
  resource_type,
  resource_gid,
  custom_field_gid,
  custom_field_name,
  custom_field_type,
  item_gid,
  item_name,
  synced_at
from chosen
where item_gid is not null
  and item_gid not in (select gid from {{ ref('stg_asana_airbyte__deleted_tasks') }})
