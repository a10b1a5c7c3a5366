{#- What the lists of a task name: projects, sections, tags, followers, dependencies, one row for each. What is
    named need not be there. Incremental, as unpacking the lists takes longer than all else about them. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('stg_asana__task'), 'task_id') }}"
) }}
{%- set columns = ['task_id', 'synced_at', 'extracted_at'] -%}
{%- set lists = {'membership': 'memberships', 'project': 'projects', 'tag': 'tags', 'follower': 'followers', 'dependency': 'dependencies'} -%}
with tasks as (
  select task_id, synced_at, extracted_at{% for list in lists.values() %}, {{ list }}{% endfor %}
  from {{ asana_airbyte.missing_rows(ref('stg_asana__task'), 'task_id') }} as newest
),
{% for link, list in lists.items() %}
{{ link }}_items as (
  {{- asana_airbyte.each_item('tasks', list, columns) | indent(2) }}
),
{% endfor %}
links as (
  {%- for link in lists %}
  select
    task_id,
    '{{ link }}' as link_type,
    {{ asana_airbyte.json_text('item', 'project.gid' if link == 'membership' else 'gid') }} as linked_id,
    {{ asana_airbyte.json_text('item', 'section.gid') if link == 'membership' else asana_airbyte.as_kind('null', 'text') }} as section_id,
    {{ asana_airbyte.json_text('item', 'section.name' if link == 'membership' else 'name') }} as linked_name,
    synced_at,
    extracted_at
  from {{ link }}_items
  {{ 'union all' if not loop.last }}
  {%- endfor %}
)

select distinct *
from links
where linked_id is not null
