{#- What is chosen in fields of several choices, people and references. Incremental, as the values are. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__fielded'), 'resource_id') }}"
) }}
{%- set lists = ['multi_enum_values', 'people_value', 'reference_value'] -%}
{%- set columns = [
  'resource_type', 'resource_id', 'custom_field_id', 'custom_field_name', 'custom_field_type', 'synced_at', 'extracted_at'
] -%}
with fields as (
  select {{ columns | join(', ') }}, {{ lists | join(', ') }}
  from {{ asana_airbyte.missing_rows(ref('int_asana__custom_field_value'), 'resource_id') }} as newest
  where custom_field_type in ('multi_enum', 'people', 'reference')
),
{% for list in lists %}
{{ list }}_items as (
  {{- asana_airbyte.each_item('fields', list, columns) | indent(2) }}
){{ ',' if not loop.last }}
{% endfor %}
{% for list in lists %}
select distinct
  {{ columns | join(', ') }},
  {{ asana_airbyte.json_text('item', 'gid') }} as item_id,
  {{ asana_airbyte.json_text('item', 'name') }} as item_name,
  {{ asana_airbyte.json_text('item', 'resource_type') }} as item_type
from {{ list }}_items
where {{ asana_airbyte.json_text('item', 'gid') }} is not null
{{ 'union all' if not loop.last }}
{% endfor %}
