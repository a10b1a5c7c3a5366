{#- All that carries custom fields, with the list of them. A view: its rows are read by what is incremental. -#}
{{ config(materialized='view') }}
select 'task' as resource_type, task_id as resource_id, custom_fields, synced_at, extracted_at
from {{ ref('stg_asana__task') }}
{%- for kind in ['project', 'portfolio', 'goal'] %}
union all
select '{{ kind }}' as resource_type, gid as resource_id, custom_fields, synced_at, extracted_at
from {{ ref('stg_asana__' ~ kind) }}
{%- endfor %}
